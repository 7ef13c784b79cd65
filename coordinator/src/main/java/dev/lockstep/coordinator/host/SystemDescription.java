package dev.lockstep.coordinator.host;

import akka.Version;
import dev.lockstep.common.report.SystemInfo;
import dev.lockstep.common.work.EngineInfo;
import java.util.List;

/** The report's system section: found out once, completed with the engine's versions when a worker has told them. */
public final class SystemDescription {
    private final SystemInfo withoutEngine;

    /** Describes the machine; takes a moment. */
    public SystemDescription(Host host, List<SystemInfo.Device> devices, int processors, BuildInfo build) {
        this.withoutEngine = new SystemInfo(
                host.hostname(),
                host.platform(),
                host.cpuModel(),
                processors,
                host.memoryMiB(),
                System.getProperty("java.version"),
                Version.current(),
                null,
                null,
                null,
                null,
                devices,
                build.version(),
                build.commit(),
                null,
                null);
    }

    /**
     * The section.
     *
     * @param engine what a worker told of its engine; null when none has yet
     */
    public SystemInfo with(EngineInfo engine) {
        if (engine == null) {
            return withoutEngine;
        }
        return new SystemInfo(
                withoutEngine.hostname(),
                withoutEngine.platform(),
                withoutEngine.cpuModel(),
                withoutEngine.cpuCores(),
                withoutEngine.memoryMiB(),
                withoutEngine.javaVersion(),
                withoutEngine.akkaVersion(),
                engine.djlVersion(),
                engine.pytorchVersion(),
                engine.cudaVersion(),
                engine.cudnnVersion(),
                withoutEngine.devices(),
                withoutEngine.lockstepVersion(),
                withoutEngine.gitCommit(),
                engine.allocator(),
                engine.kernels());
    }
}
