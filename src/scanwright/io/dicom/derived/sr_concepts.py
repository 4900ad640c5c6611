"""What our reports ask and answer beyond the names that every measurement report has (`sr`), as coded concepts.

Where no standard has a code for what we say, the code is our own and its meaning says it. So it is with how sure a model is of
a finding or a box, and how unusual it holds an image: none of these is the chance that something is there, and so none is
coded as a probability (DCM 122157). A change against a prior study is coded as CID 6134 (change of a lesion) does, which has no
code for one that is gone.
Source: DICOM PS3.16 CIDs 219, 230, 6134, 7464, 7470 and 7471.
"""

from types import MappingProxyType

from scanwright.io.dicom.derived.codes import SNOMED, Code, private_code

AREA = Code("42798000", SNOMED, "Area")
WIDTH = Code("103355008", SNOMED, "Width")
HEIGHT = Code("121207", "DCM", "Height")
DEPTH = Code("131197000", SNOMED, "Depth")
MINIMUM = Code("255605001", SNOMED, "Minimum")
MAXIMUM = Code("56851009", SNOMED, "Maximum")
BOUNDED_BY = Code("75958009", SNOMED, "Bounded by")
YES = Code("373066001", SNOMED, "Yes")
NO = Code("373067005", SNOMED, "No")

CHANGES = MappingProxyType(
    {
        "new": Code("129721008", SNOMED, "New finding"),
        "grown": Code("15454001", SNOMED, "Increase in size"),
        "shrunk": Code("19776001", SNOMED, "Decrease in size"),
        "stable": Code("129723006", SNOMED, "No significant changes in the finding"),
        "resolved": private_code("Resolved"),
        "merged": private_code("Merged from several findings of the prior study"),
        "split": private_code("Split from a finding of the prior study"),
    }
)
"""What became of a finding since the prior study, by our word for it (`findings.follow_up.Change`). What is not known has no
code.
"""

CONFIDENCE = private_code("Confidence of the model")
CHANGE = private_code("Change since the prior study")
AXIS_BEFORE = private_code("Long axis in the prior study")
SIZE_BEFORE = private_code("Size in the prior study")
GROWTH = private_code("Growth of the long axis since the prior study")
SIZE_GROWTH = private_code("Growth of the size since the prior study")
SHARE = private_code("Share of the region that it lies in")
BURDEN = private_code("Share taken by findings")
WITH_FINDINGS = private_code("Volume with the findings inside")
OUTSIDE = private_code("Outside all regions")
REACHES = private_code("Reaches into")
NEXT_TO = private_code("Next to")
FOUND = private_code("Found in the image")
CUT = private_code("Cut by the image's border")
