"""What holds for every test."""

from hypothesis import settings

# A deadline for one example asserts on wall-clock time: on a busy machine it fails where nothing is wrong.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
