package dev.lockstep.coordinator.cli;

import com.fasterxml.jackson.databind.JsonNode;
import dev.lockstep.coordinator.cluster.EngineNatives;
import dev.lockstep.coordinator.gpu.GpuDriver;
import dev.lockstep.coordinator.host.Processors;
import dev.lockstep.coordinator.overhead.BareLoops;
import dev.lockstep.coordinator.overhead.ReduceBenchmark;
import dev.lockstep.coordinator.overhead.Standstill;
import dev.lockstep.coordinator.settings.CoordinatorSettings;
import dev.lockstep.coordinator.workers.Device;
import dev.lockstep.coordinator.workers.Devices;
import dev.lockstep.coordinator.workers.ReplicaProcesses;
import java.util.List;

/**
 * The processes of the two sides of a comparison, of which one can stand still: a cluster that rests still beats, which would be counted
 * against the bare loops.
 */
final class OverheadSides implements AutoCloseable {
    private final Shell shell;
    private final CoordinatorSettings settings;
    private final String specification;
    private final List<Device> devices;
    private Standstill standstill;
    private ExitGuard standstillGuard;
    private OwnCluster cluster;
    private List<Long> clusterPids;
    private BareLoops bareLoops;

    /** @param devices how many each side has */
    OverheadSides(Shell shell, CoordinatorSettings settings, int devices) {
        this.shell = shell;
        this.settings = settings;
        this.specification = "cpu:" + devices;
        this.devices = Devices.find(
                specification,
                new Devices.Machine(
                        Processors.allowed(), "", new GpuDriver.Absent("overhead is for CPU devices"), null));
    }

    /** What makes a side stand still. At the end of this process, too, all go on, or nothing could end them in order. */
    Standstill standstill() {
        if (standstill == null) {
            standstill = Standstill.start();
            standstillGuard = ExitGuard.holding(standstill::close);
        }
        return standstill;
    }

    /** What talks to the cluster until that stands still for the first time; it is started if need be. */
    CoordinatorClient client() {
        return cluster().client();
    }

    /** The processes of the cluster, which is started if need be. */
    List<Long> clusterPids() {
        cluster();
        return clusterPids;
    }

    private OwnCluster cluster() {
        if (cluster == null) {
            cluster = OwnCluster.start(shell, ClusterOptions.of(specification, null));
            long coordinator = shell.runDir().endpoint().orElseThrow().pid();
            clusterPids = ClusterProcesses.of(coordinator, cluster.client().devices()).stream()
                    .map(ProcessHandle::pid)
                    .toList();
        }
        return cluster;
    }

    /** The bare loops, started if need be. */
    BareLoops bareLoops() {
        if (bareLoops == null) {
            bareLoops = BareLoops.start(devices, processes(), shell.interrupt()::isRequested);
        }
        return bareLoops;
    }

    /** What the benchmark of the reduce printed; neither side is there then. */
    JsonNode reduce() {
        close();
        return ReduceBenchmark.run(devices, processes(), shell.interrupt()::isRequested, settings.stepTimeout());
    }

    private ReplicaProcesses processes() {
        String classPath = ClusterOptions.workerClassPath(shell);
        return new ReplicaProcesses(
                classPath,
                settings.workerJavaOptions(),
                EngineNatives.environment(classPath),
                shell.runDir().coordinatorLog().file().getParent());
    }

    @Override
    public void close() {
        if (standstill != null) {
            standstillGuard.undo();
            standstill = null;
        }
        if (bareLoops != null) {
            bareLoops.close();
            bareLoops = null;
        }
        if (cluster != null) {
            cluster.close();
            cluster = null;
        }
    }
}
