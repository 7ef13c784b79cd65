package dev.lockstep.coordinator.cli;

import dev.lockstep.coordinator.settings.JavaOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What a cluster can be started with, and the command line of its coordinator. */
final class ClusterOptions {
    private static final String MAIN_CLASS = "dev.lockstep.coordinator.cluster.CoordinatorMain";

    @Option(
            names = "--devices",
            paramLabel = "SPEC",
            description = {
                "auto (all GPUs, else the CPU), cpu:N (N replicas sharing the cores), cuda:all, cuda:0,2,",
                "or cuda:0*2 (two replicas on one GPU, for trying things out)",
                "default: ${DEFAULT-VALUE}"
            },
            defaultValue = "auto")
    String devices = "auto";

    @Mixin
    final CudaOptions cuda;

    @Option(
            names = "--port",
            paramLabel = "N",
            description = "port of the HTTP API on 127.0.0.1, instead of the one in deploy/conf/lockstep.conf")
    Integer port;

    @Option(
            names = "--cluster-port",
            paramLabel = "N",
            description = "port of the Akka cluster on 127.0.0.1, instead of any free one")
    Integer clusterPort;

    /** The coordinator's settings; null for deploy/conf/lockstep.conf. */
    Path settings;

    ClusterOptions() {
        this(new CudaOptions());
    }

    /** The defaults but for what is said of GPUs. */
    ClusterOptions(CudaOptions cuda) {
        this.cuda = cuda;
    }

    /** Those devices, and settings of the coordinator where they are not null. */
    static ClusterOptions of(String devices, Path settings) {
        ClusterOptions options = new ClusterOptions();
        options.devices = devices;
        options.settings = settings;
        return options;
    }

    /**
     * The coordinator's command line.
     *
     * @throws CommandException if Lockstep is not built
     */
    List<String> coordinatorCommand(Shell shell) {
        String specification = cuda.specification(devices);
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        // It has little to compute, and would compile it beside replicas that train: the quick compiler is enough.
        command.addAll(List.of("-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError"));
        command.addAll(JavaOptions.forThisVersion());
        command.addAll(List.of("-cp", classPath(shell.home(), "coordinator"), MAIN_CLASS));
        command.addAll(List.of("--run-dir", shell.runDir().path().toString(), "--devices", specification));
        if (cuda.noCuda) {
            command.add("--no-cuda");
        }
        if (port != null) {
            command.addAll(List.of("--port", port.toString()));
        }
        if (clusterPort != null) {
            command.addAll(List.of("--cluster-port", clusterPort.toString()));
        }
        command.addAll(List.of("--worker-class-path", workerClassPath(shell)));
        command.addAll(
                List.of("--cuda-natives-jar", cudaNativesJar(shell.home()).toString()));
        Path conf = settings == null ? usersSettings(shell) : settings;
        command.addAll(List.of("--conf", conf.toString()));
        return command;
    }

    /** The file that names the jar with the CUDA build of libtorch, where Lockstep was built for it. */
    static Path cudaNativesJar(Path home) {
        return home.resolve("worker/target/cuda-natives-jar");
    }

    /** Where the user's settings are, if there are any. */
    static Path usersSettings(Shell shell) {
        return shell.home().resolve("deploy/conf/lockstep.conf");
    }

    /**
     * The class path of a worker.
     *
     * @throws CommandException if Lockstep is not built
     */
    static String workerClassPath(Shell shell) {
        return classPath(shell.home(), "worker");
    }

    private static String classPath(Path home, String module) {
        Path target = home.resolve(module).resolve("target");
        try (Stream<Path> files = Files.list(target)) {
            Path jar = files.filter(file -> isJarOf(module, file.getFileName().toString()))
                    .findFirst()
                    .orElseThrow(() -> notBuilt(target, null));
            return jar + ":" + target.resolve("lib") + "/*";
        } catch (IOException e) {
            throw notBuilt(target, e);
        }
    }

    private static boolean isJarOf(String module, String name) {
        return name.startsWith("lockstep-" + module + "-")
                && name.endsWith(".jar")
                && !name.endsWith("-tests.jar")
                && !name.endsWith("-sources.jar")
                && !name.endsWith("-javadoc.jar");
    }

    private static CommandException notBuilt(Path target, IOException cause) {
        return new CommandException(
                ExitStatus.ENVIRONMENT,
                "Lockstep is not built, " + target + " has no jar: build it with mvn -q -DskipTests package",
                cause);
    }
}
