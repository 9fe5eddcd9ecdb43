# shellcheck shell=bash
# What run and tour have in common: the initramfs, and the virtual machine that unpacks it over an empty root file system.

# pack ROOT FILE
pack() {
	(cd "$1" && find . | cpio --create --format=newc --quiet --owner=0:0) >"$2"
}

# boot DIRECTORY PREFIX SECONDS ARGUMENT...: the kernel in DIRECTORY with the file PREFIXinitramfs beside it, for so many seconds at the most.
# Leaves the kernel's words in PREFIXconsole, the guest's in PREFIXresults.
boot() {
	local directory=$1 files=$1/$2 deadline=$3
	rm -f "$files"{console,results}
	timeout --signal=KILL "$deadline" qemu-system-x86_64 -accel tcg -nodefaults -no-user-config -display none -no-reboot "${@:4}" \
		-kernel "$directory/vmlinuz" -initrd "${files}initramfs" -append "console=ttyS0 loglevel=4 panic=-1" \
		-serial "file:${files}console" -serial "file:${files}results" </dev/null || true
}
