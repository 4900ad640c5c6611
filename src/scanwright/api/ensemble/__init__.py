"""api.ensemble"""
