"""Finds out the type of file system that a ledger is on: SQLite's locks need a local disk."""

from pathlib import Path

_NETWORK = (
    *("nfs", "nfs4", "cifs", "smbfs", "smb2", "smb3", "afs", "ncpfs", "ceph", "lustre", "gpfs"),
    *("beegfs", "glusterfs", "pvfs2", "ocfs2", "gfs2", "davfs", "fuse.sshfs", "fuse.glusterfs"),
    *("fuse.davfs2", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.ceph", "fuse.juicefs"),
    *("fuse.mount-s3", "fuse.blobfuse2", "fuse.cvmfs2", "fuse.goofys"),
)
_MEMORY = ("tmpfs", "ramfs")
MOUNTS = Path("/proc/self/mountinfo")


def warning(path: Path) -> str:
    """Returns a warning about the place of a ledger; empty if it is on a local disk.

    Args:
      path: the ledger's file, which need not exist yet.
    """
    kind = _kind(path)
    if kind in _NETWORK:
        return (
            f"warning: ledger {path} is on a network file system ({kind}), where SQLite's locks"
            " are unsafe: two programs that use it may damage it. Choose a file on a local disk"
            " with --config.ledger.path"
        )
    if kind in _MEMORY:
        return (
            f"warning: ledger {path} is in this machine's memory ({kind}): paid answers are lost"
            " when the machine is switched off. Choose a file on a disk with --config.ledger.path"
        )
    return ""


def _kind(path: Path) -> str:
    """Returns the type of the file system that holds a path; empty if it is not known."""
    try:
        lines = MOUNTS.read_text(errors="surrogateescape").splitlines()
        place = path.resolve()
    except OSError:
        return ""
    longest, kind = -1, ""
    for line in lines:
        mount, _, source = line.partition(" - ")
        fields = mount.split(" ")
        if len(fields) < 5 or not source:
            continue
        root = Path(_plain(fields[4]))
        if len(root.parts) >= longest and place.is_relative_to(root):  # later mounts come on top
            longest, kind = len(root.parts), source.split(" ")[0]
    return kind


def _plain(text: str) -> str:
    """Returns a mount point without the escapes of the kernel's table."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
