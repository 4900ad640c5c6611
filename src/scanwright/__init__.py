"""Scanwright: from a folder of medical scans to an evaluated model, a report and a package."""
