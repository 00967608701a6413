"""Words in addresses and requests that are replaced by values of the configuration."""

MODEL = "$model"  # the name of a model
REGION = "$region"  # a region of AWS
