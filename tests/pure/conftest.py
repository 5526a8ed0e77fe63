"""The same examples in every run, however slow the machine: a failure is never a coincidence."""

from hypothesis import settings

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.load_profile("steady")
