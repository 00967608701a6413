"""Words in addresses and requests that stand for a configuration's values."""

MODEL = "$model"  # the name of a model
REGION = "$region"  # a region of AWS
