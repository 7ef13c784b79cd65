package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.api.ClusterView;
import dev.lockstep.coordinator.api.DeviceView;
import dev.lockstep.coordinator.api.RunView;
import dev.lockstep.coordinator.api.RunView.MeasurementView;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;

/** The commands that look at the cluster. */
final class ClusterCommands {
    private ClusterCommands() {}

    /** {@code lockstep devices}. */
    @Command(name = "devices", description = "Lists the devices and their state.")
    static final class Devices implements Callable<Integer> {
        private final Shell shell;

        Devices(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            Table table = new Table("DEVICE", "STATE", "CPUS", "MEMORY", "USE", "PID", "NAME");
            for (DeviceView device : CoordinatorClient.of(shell.runDir()).devices()) {
                String use = device.utilizationPercent() == null ? null : device.utilizationPercent() + " %";
                table.add(device.id(), device.state(), device.cpus(), memory(device), use, device.pid(), device.name());
            }
            table.lines().forEach(shell.out()::println);
            return ExitStatus.DONE.code();
        }

        private static String memory(DeviceView device) {
            if (device.memoryMiB() == null) {
                return null;
            }
            String used = device.memoryUsedMiB() == null ? "" : device.memoryUsedMiB() + " of ";
            return used + device.memoryMiB() + " MiB";
        }
    }

    /** {@code lockstep status}. */
    @Command(name = "status", description = "Says how the cluster stands.")
    static final class Status implements Callable<Integer> {
        private static final Set<String> UNDER_WAY = Set.of("preparing", "warming-up", "measuring");

        private final Shell shell;

        Status(Shell shell) {
            this.shell = shell;
        }

        @Override
        public Integer call() {
            CoordinatorClient client = CoordinatorClient.of(shell.runDir());
            ClusterView cluster = client.status();
            Duration uptime = Duration.between(cluster.startedAt(), Instant.now());
            String states = cluster.devices().stream()
                    .map(device -> device.id() + " " + device.state())
                    .collect(Collectors.joining(", "));
            shell.out()
                    .println("cluster: " + cluster.runDir() + ", up for " + Messages.duration(uptime) + ", Lockstep "
                            + cluster.lockstepVersion());
            shell.out().println("devices: " + states);
            String running = cluster.currentRun() == null
                    ? "nothing"
                    : cluster.currentRun() + progress(client.run(cluster.currentRun()));
            shell.out().println("running: " + running);
            shell.out()
                    .println("queued:  "
                            + (cluster.queuedRuns().isEmpty() ? "nothing" : String.join(", ", cluster.queuedRuns())));
            return ExitStatus.DONE.code();
        }

        /** Where a run is: the first of its measurements that is not over. */
        private static String progress(RunView run) {
            for (int index = 0; index < run.measurements().size(); index++) {
                MeasurementView measurement = run.measurements().get(index);
                if (UNDER_WAY.contains(measurement.state())) {
                    return ", [%d/%d] %s, %s, step %d of %d"
                            .formatted(
                                    index + 1,
                                    run.measurements().size(),
                                    measurement.label(),
                                    measurement.state(),
                                    measurement.stepsDone(),
                                    measurement.totalSteps());
                }
            }
            return "";
        }
    }
}
