#!/bin/bash
# One run on a Cloud TPU VM of one host, which systemd starts again after status 75.
#
#   TPU_NAME=amkd ZONE=us-central1-a bash examples/deploy/cloud_tpu.sh install|start|status|log
#
# /mnt/disk is a persistent disk that is mounted there: the VM's own disk is lost with the VM.
set -euo pipefail
: "${TPU_NAME:?name of the TPU VM}" "${ZONE:?its zone}"

on_vm() {
  gcloud compute tpus tpu-vm ssh "$TPU_NAME" --zone="$ZONE" --worker=0 --command="$1"
}

case "${1:-}" in
  install)
    git archive HEAD | on_vm "mkdir -p amkd && tar -x -C amkd"
    # The images of TPU VMs have Python 3.10, which is too old.
    on_vm "sudo apt-get update && sudo apt-get install --yes python3.11-venv &&
      cd amkd && python3.11 -m venv .venv &&
      .venv/bin/pip install --constraint constraints.txt '.[tpu]'"
    ;;
  start)
    # The unit lives on when the connection ends.
    on_vm "sudo systemd-run --unit=amkd --uid=\$(id -u) --working-directory=\$HOME/amkd \
      --property=RestartForceExitStatus=75 --property=RestartSec=10 --property=TimeoutStopSec=120 \
      \$HOME/amkd/.venv/bin/amkd --config=cifar10 --workdir=/mnt/disk/runs/cifar10 \
      --config.cache_dir=/mnt/disk/cache --config.data.dir=/mnt/disk/tfds --log=json"
    ;;
  status)
    on_vm "amkd/.venv/bin/amkd status /mnt/disk/runs/cifar10"
    ;;
  log)
    on_vm "sudo journalctl --unit=amkd --output=cat --follow"
    ;;
  *)
    echo "one of: install, start, status, log" >&2
    exit 2
    ;;
esac
