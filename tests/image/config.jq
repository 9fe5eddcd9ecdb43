# Makes an OCI runtime configuration of the arguments: what a kubelet and containerd make of the DaemonSet and the image.
$daemonset[0].spec.template.spec.containers[0] as $agent
| $agent.securityContext as $context
| ($context.capabilities.add | map("CAP_" + .)) as $capabilities
| {
    ociVersion: "1.0.2",
    root: { path: $rootfs, readonly: $context.readOnlyRootFilesystem },
    process: {
      user: { uid: $context.runAsUser, gid: $context.runAsGroup },
      cwd: "/",
      args: ($image[0].config.Entrypoint + .),
      env: ($image[0].config.Env + ["NODE_NAME=w1"]),
      noNewPrivileges: ($context.allowPrivilegeEscalation | not),
      capabilities: { bounding: $capabilities, effective: $capabilities, permitted: $capabilities }
    },
    mounts: ([
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["nosuid", "mode=755", "size=65536k"] },
      { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
      # The lab's configuration names files of its own.
      { destination: $run, type: "bind", source: $run, options: ["rbind"] }
    ] + [
      $agent.volumeMounts[] as $mount
      | $daemonset[0].spec.template.spec.volumes[] | select(.name == $mount.name and .hostPath and (.name == "bpffs" or .name == "cgroup"))
      | { destination: $mount.mountPath, type: "bind", source: .hostPath.path, options: (["rbind"] + if $mount.readOnly then ["ro"] else [] end) }
    ]),
    linux: {
      cgroupsPath: $cgroup,
      namespaces: [
        { type: "pid" }, { type: "ipc" }, { type: "mount" }, { type: "cgroup" },
        { type: "network", path: $network }
      ],
      maskedPaths: ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
      seccomp: $seccomp[0]
    }
  }
