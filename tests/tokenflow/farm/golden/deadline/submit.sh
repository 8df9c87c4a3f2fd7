#!/bin/sh
# Hands the jobs to Deadline, each dependent on the one before it.
set -e
cd "$(dirname "$0")"
before=
{ cat prepare.job; echo "JobDependencies=$before"; } > prepare.submitted.job
before=$(deadlinecommand prepare.submitted.job prepare.plugin | sed -n 's/^JobID=//p' | tr -d '\r')
{ cat edit.job; echo "JobDependencies=$before"; } > edit.submitted.job
before=$(deadlinecommand edit.submitted.job edit.plugin | sed -n 's/^JobID=//p' | tr -d '\r')
{ cat deflicker.job; echo "JobDependencies=$before"; } > deflicker.submitted.job
before=$(deadlinecommand deflicker.submitted.job deflicker.plugin | sed -n 's/^JobID=//p' | tr -d '\r')
{ cat merge.job; echo "JobDependencies=$before"; } > merge.submitted.job
before=$(deadlinecommand merge.submitted.job merge.plugin | sed -n 's/^JobID=//p' | tr -d '\r')
{ cat verify.job; echo "JobDependencies=$before"; } > verify.submitted.job
before=$(deadlinecommand verify.submitted.job verify.plugin | sed -n 's/^JobID=//p' | tr -d '\r')
echo "$before"
