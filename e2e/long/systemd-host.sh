#!/bin/sh
# A whole Debian under its own systemd, in namespaces of its own: this machine's files below, all changes in
# memory. Runs /work/prove.sh in it as root and ends. For the root user only.
#
#   unshare --mount --pid --fork --uts --ipc --net --cgroup --kill-child sh systemd-host.sh REPOSITORY WORK
#
# REPOSITORY is seen as /opt/posthouse/current, WORK as /work.
set -e
repository=$1 work=$2
root=$work/root memory=$work/memory
mount --make-rprivate /
mkdir -p "$root" "$memory"
mount -t tmpfs tmpfs "$memory"
mkdir "$memory/upper" "$memory/work" "$memory/var-lib"
mount -t overlay overlay -o "lowerdir=/,upperdir=$memory/upper,workdir=$memory/work" "$root"
mount -t proc proc "$root/proc"
mount -o bind,ro "$root/proc/sys" "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom tty; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
ip link set lo up

mkdir -p "$root/opt/posthouse/versions/test" "$root/etc/systemd/system"
mount --bind "$repository" "$root/opt/posthouse/versions/test"
ln -sfn versions/test "$root/opt/posthouse/current"
# In memory and not on the overlay: what the servers sync and rename is a file system's of its own.
mkdir -p "$root/var/lib/posthouse"
mount --bind "$memory/var-lib" "$root/var/lib/posthouse"
mkdir -p "$root/work"
mount --bind "$work" "$root/work"
cat > "$root/etc/systemd/system/prove.service" <<'UNIT'
[Unit]
After=systemd-journald.service
[Service]
Type=oneshot
ExecStart=/bin/sh /work/prove.sh
StandardOutput=file:/work/prove.out
StandardError=file:/work/prove.err
TimeoutStartSec=180
ExecStopPost=/bin/systemctl exit 0
UNIT
# Nothing of this machine's: neither its devices and clocks nor the daemons that happen to be installed.
for unit in systemd-udevd systemd-udev-trigger systemd-sysctl systemd-modules-load kmod-static-nodes \
  systemd-random-seed systemd-remount-fs systemd-networkd systemd-resolved systemd-logind \
  systemd-update-utmp systemd-timesyncd networking cron dbus postfix dovecot knot exim4 ssh; do
  ln -sfn /dev/null "$root/etc/systemd/system/$unit.service"
done
mkdir "$root/tmp/old"
cd "$root"
pivot_root . tmp/old
umount -l /tmp/old
exec env -i container=posthouse PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --unit=prove.service --log-target=console </dev/null >/work/systemd.out 2>&1
