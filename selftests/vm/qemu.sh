# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2154
# The machine of most kernels, sourced by boot: QEMU.

machine_conf()
{
	:
}

# Two servers: of the root, which never changes, the guest may keep what it read.
# Otherwise every program would be read, and by TCG translated, at each start.
serve()
{
	/usr/libexec/virtiofsd --socket-path="$work/$1.sock" --shared-dir="$work/$1" \
		--sandbox=none --log-level=error "${@:2}" >"$work/$1.log" 2>&1 &
}

serve_files()
{
	local ids=() n i
	[ "${SUDO_UID:-0}" = 0 ] ||
		ids=(--translate-uid "squash-guest:0:$SUDO_UID:4294967295"
		     --translate-gid "squash-guest:0:$SUDO_GID:4294967295")
	ulimit -n "$(ulimit -Hn)"
	serve root --cache=always --readonly
	serve fs --cache=auto "${ids[@]}"
	for n in root fs; do
		for ((i = 0; i < 500; i++)); do
			[ ! -S "$work/$n.sock" ] || continue 2
			sleep 0.02
		done
		die 98 "virtiofsd does not start: $(<"$work/$n.log")"
	done
}

machine()
{
	local answer accel khz kernel cpu append n
	answer=$("$here/accel" "$bed/boot/trixie") ||
		die 98 "no accelerator found for QEMU"
	read -r accel khz <<<"$answer"
	serve_files
	kernel=$boot/vmlinux
	[ -e "$kernel" ] || kernel=$boot/vmlinuz
	# Under TCG string instructions and five levels of page tables cost much.
	cpu=max,la57=off,-erms,-fsrm
	[ "$accel" != kvm ] || cpu=host
	# Warnings and worse go to the console at once, whatever comes after.
	append="console=ttyS0 loglevel=5 log_buf_len=4M audit=0 rdinit=/init"
	append+=" panic=-1 oops=panic mitigations=off nokaslr no_timer_check"
	append+=" tsc=reliable${khz:+ tsc_early_khz=$khz}"
	# A busy host alone is to raise no suspicion of a lockup.
	append+=" watchdog_thresh=30 rcupdate.rcu_cpu_stall_timeout=60"
	# virtiofsd fills pages behind the emulator's back, which would go on
	# with the code that it found there before.  Debian's kernels clear
	# pages by themselves.
	append+=" init_on_alloc=1"
	# What User Mode Linux looks for as well is too slow here.
	[ "$VM_KERNEL" != debug-smp ] ||
		append+=" panic_on_warn=1 kmemleak=off no_debug_objects"
	# shellcheck disable=SC2054
	cmd=(qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -display none
		-machine q35,memory-backend=ram -accel "$accel" -cpu "$cpu"
		-smp "$VM_CPUS" -m "$VM_MEM"
		-object "memory-backend-memfd,id=ram,size=${VM_MEM}M,share=on"
		-kernel "$kernel" -initrd "$work/initrd"
		-append "$append"
		-serial "file:$work/console"
		-chardev "socket,id=root,path=$work/root.sock"
		-device vhost-user-fs-pci,chardev=root,tag=root
		-chardev "socket,id=fs,path=$work/fs.sock"
		-device vhost-user-fs-pci,chardev=fs,tag=fs
		-device virtio-rng-pci -device virtio-serial-pci)
	stop=TERM
	# Into files, which take all at once: a guest waits for a slow reader spinning.
	for n in ctl out err klog; do
		cmd+=(-chardev "file,id=$n,path=$work/$n,append=on"
		      -device "virtserialport,chardev=$n,name=$n")
	done
	# shellcheck disable=SC2054
	[ -z "$VM_SHELL" ] ||
		cmd+=(-chardev stdio,id=tty,signal=off -device virtconsole,chardev=tty)
}
