#!/bin/sh
# Queues the tasks, each after the one before it, and prints the number of the last.
set -e
prepare=$(sbatch --parsable --job-name='shot Prepare' --requeue --signal=B:TERM@60 --time=1440 --gres=gpu:1 --wrap 'exec tokenflow run /mnt/jobs/shot/shot.job.json --workspace /mnt/jobs/tokenflow --resume --progress plain --stage prepare')
edit=$(sbatch --parsable --job-name='shot Edit' --requeue --signal=B:TERM@60 --time=1440 --gres=gpu:1 -d afterok:$prepare --kill-on-invalid-dep=yes --wrap 'exec tokenflow run /mnt/jobs/shot/shot.job.json --workspace /mnt/jobs/tokenflow --resume --progress plain --stage edit')
deflicker=$(sbatch --parsable --job-name='shot Deflicker' --requeue --signal=B:TERM@60 --time=720 --gres=gpu:1 -d afterok:$edit --kill-on-invalid-dep=yes --wrap 'exec tokenflow run /mnt/jobs/shot/shot.job.json --workspace /mnt/jobs/tokenflow --resume --progress plain --stage deflicker')
merge=$(sbatch --parsable --job-name='shot Merge' --requeue --signal=B:TERM@60 --time=240 --gres=gpu:1 -d afterok:$deflicker --kill-on-invalid-dep=yes --array=1-2 --wrap 'exec tokenflow run /mnt/jobs/shot/shot.job.json --workspace /mnt/jobs/tokenflow --resume --progress plain "--frames=$(sed -n "${SLURM_ARRAY_TASK_ID}p" /mnt/jobs/shot/chunks)"')
verify=$(sbatch --parsable --job-name='shot Verify' --requeue --signal=B:TERM@60 --time=240 -d afterok:$merge --kill-on-invalid-dep=yes --wrap 'exec tokenflow run /mnt/jobs/shot/shot.job.json --workspace /mnt/jobs/tokenflow --resume --progress plain --stage verify')
echo "$verify"
