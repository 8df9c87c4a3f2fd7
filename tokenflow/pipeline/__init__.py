"""The one road of every job: read, encode, invert, edit, decode, delta, merge, write.

`plan` checks everything at the door and settles what a job leaves open, `run` takes the stages in
their order, `record` says in file headers and in the report what was done.
"""

from tokenflow.pipeline.plan import Plan, make_plan
from tokenflow.pipeline.run import run_job

__all__ = ["Plan", "make_plan", "run_job"]
