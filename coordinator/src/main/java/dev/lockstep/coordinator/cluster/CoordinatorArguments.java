package dev.lockstep.coordinator.cluster;

import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The coordinator's command line; {@code deploy/bin/start-cluster} writes it. */
@Command(name = "coordinator")
final class CoordinatorArguments implements Callable<Integer> {
    @Option(names = "--run-dir", required = true)
    Path runDir;

    @Option(names = "--devices", defaultValue = "auto")
    String devices;

    /** Null for the settings' own. */
    @Option(names = "--port")
    Integer port;

    @Option(names = "--cluster-port", defaultValue = "0")
    int clusterPort;

    @Option(names = "--worker-class-path", required = true)
    String workerClassPath;

    /** Names the jar with the CUDA build of libtorch, where it is there. */
    @Option(names = "--cuda-natives-jar", required = true)
    Path cudaNativesJar;

    /** Leaves GPUs alone. */
    @Option(names = "--no-cuda")
    boolean noCuda;

    /** The user's settings. */
    @Option(names = "--conf", required = true)
    Path settings;

    @Override
    public Integer call() {
        return 0;
    }
}
