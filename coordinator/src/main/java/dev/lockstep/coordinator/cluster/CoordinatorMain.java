package dev.lockstep.coordinator.cluster;

import akka.actor.typed.ActorSystem;
import akka.actor.typed.Behavior;
import akka.actor.typed.DispatcherSelector;
import akka.actor.typed.javadsl.Behaviors;
import akka.cluster.typed.Cluster;
import akka.cluster.typed.Join;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.protocol.ClusterConfig;
import dev.lockstep.common.work.TlsKeys;
import dev.lockstep.coordinator.api.Endpoint;
import dev.lockstep.coordinator.control.ClusterContext;
import dev.lockstep.coordinator.control.Coordinator;
import dev.lockstep.coordinator.control.CoordinatorIdentity;
import dev.lockstep.coordinator.control.Footprints;
import dev.lockstep.coordinator.gpu.GpuLease;
import dev.lockstep.coordinator.host.BuildInfo;
import dev.lockstep.coordinator.host.CoreTurns;
import dev.lockstep.coordinator.host.Host;
import dev.lockstep.coordinator.host.MachineFiles;
import dev.lockstep.coordinator.host.Processors;
import dev.lockstep.coordinator.host.SystemDescription;
import dev.lockstep.coordinator.http.HttpApi;
import dev.lockstep.coordinator.settings.CoordinatorSettings;
import dev.lockstep.coordinator.workers.Device;
import dev.lockstep.coordinator.workers.Devices;
import dev.lockstep.coordinator.workers.ForkingLauncher;
import dev.lockstep.coordinator.workers.ReplicaProcesses;
import dev.lockstep.coordinator.workers.WorkerLauncher;
import dev.lockstep.coordinator.workers.WorkerPool;
import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;

/** The coordinator's process: started by {@code deploy/bin/start-cluster}. */
public final class CoordinatorMain {
    private static final int TOKEN_BYTES = 32;

    private CoordinatorMain() {}

    /**
     * Starts a cluster and serves until it is told to stop. A start that fails ends with one line on standard error that begins with
     * {@code error: }, and with exit status 2 (usage) or 3 (environment).
     */
    public static void main(String[] arguments) {
        System.setProperty("logback.configurationFile", "coordinator-logback.xml");
        CoordinatorArguments parsed = new CoordinatorArguments();
        int usage = new CommandLine(parsed).execute(arguments);
        if (usage != 0) {
            System.exit(usage);
        }
        try {
            start(parsed);
        } catch (LockstepException e) {
            System.err.println("error: " + e.getMessage());
            System.exit(e.failure().category() == FailureCategory.USAGE ? 2 : 3);
        } catch (RuntimeException | Error e) {
            // Threads that serve nothing would keep the process, and who started it would wait for it.
            e.printStackTrace();
            System.err.println("error: the coordinator could not start: " + e);
            System.exit(3);
        }
    }

    private static void start(CoordinatorArguments arguments) {
        CoordinatorSettings settings = CoordinatorSettings.load(arguments.settings);
        Host host = new Host();
        List<Integer> processors = Processors.allowed();
        Hardware hardware = Hardware.find(arguments.devices, arguments.noCuda, processors, host.cpuModel());
        List<Device> devices = hardware.devices();
        RunFolder folder = RunFolder.claim(arguments.runDir.toAbsolutePath());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(folder), "run-folder"));
        GpuLease lease = hardware.take(folder.path());
        Runtime.getRuntime().addShutdownHook(new Thread(lease::close, "gpu-lease"));
        TlsKeys tls = settings.tls() ? ClusterKeys.create(folder.path().resolve("keys")) : null;
        Map<String, String> engine = hardware.engine(arguments, folder.path());
        BuildInfo build = BuildInfo.load();
        SystemDescription system = new SystemDescription(host, hardware.described(), processors.size(), build);
        CoordinatorIdentity identity = new CoordinatorIdentity(
                build.version(), Instant.now(), folder.path(), devices.size(), hardware.kind(), Devices.notes(devices));
        CompletableFuture<Void> ready = new CompletableFuture<>();
        Behavior<Coordinator.Command> guardian = Behaviors.setup(context -> {
            Cluster cluster = Cluster.get(context.getSystem());
            cluster.manager().tell(Join.create(cluster.selfMember().address()));
            WorkerLauncher launcher = new ForkingLauncher(new ForkingLauncher.Setup(
                    new ReplicaProcesses(
                            arguments.workerClassPath, settings.workerJavaOptions(), engine, folder.logs()),
                    cluster.selfMember().address().getPort().orElseThrow(),
                    settings.stepTimeout(),
                    tls));
            return Coordinator.create(
                    WorkerPool.create(devices, launcher, settings.workerStartTimeout()),
                    pool -> new ClusterContext(
                            settings,
                            host,
                            system,
                            pool,
                            new Footprints(),
                            new AtomicLong(),
                            new MachineFiles(Path.of("/"), Processors.allowed()),
                            new CoreTurns(Path.of("/"), settings.coreTurn()),
                            context.getSystem().dispatchers().lookup(DispatcherSelector.blocking()),
                            hardware.gpus()),
                    identity,
                    EarlierRuns.read(folder.path().resolve("reports")),
                    surroundings(ready));
        });
        serve(arguments, settings, folder, actorSystem(guardian, arguments.clusterPort, tls), ready);
    }

    private static Coordinator.Surroundings surroundings(CompletableFuture<Void> ready) {
        return new Coordinator.Surroundings() {
            @Override
            public void ready() {
                ready.complete(null);
            }

            @Override
            public void failed(Failure failure) {
                ready.completeExceptionally(new LockstepException(FailureCategory.ENVIRONMENT, failure.message()));
            }
        };
    }

    private static ActorSystem<Coordinator.Command> actorSystem(
            Behavior<Coordinator.Command> guardian, int clusterPort, TlsKeys tls) {
        try {
            return ActorSystem.create(
                    guardian, ClusterConfig.SYSTEM, ClusterConfig.of("coordinator", clusterPort, null, tls));
        } catch (RuntimeException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "the cluster's port %d cannot be had: %s: choose another with --cluster-port, or 0 for any"
                            .formatted(clusterPort, e.getMessage()),
                    e);
        }
    }

    private static void serve(
            CoordinatorArguments arguments,
            CoordinatorSettings settings,
            RunFolder folder,
            ActorSystem<Coordinator.Command> system,
            CompletableFuture<Void> ready) {
        byte[] random = new byte[TOKEN_BYTES];
        new SecureRandom().nextBytes(random);
        String token = HexFormat.of().formatHex(random);
        int port = arguments.port != null ? arguments.port : settings.httpPort();
        HttpApi api = new HttpApi(port, token, system, system, system::terminate);
        system.getWhenTerminated().thenRun(api::close);
        try {
            ready.join();
            folder.publish(new Endpoint(api.port(), ProcessHandle.current().pid(), token));
        } catch (CompletionException e) {
            throw (LockstepException) e.getCause();
        } catch (IOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT, "the endpoint could not be written: " + e.getMessage(), e);
        }
        LoggerFactory.getLogger(CoordinatorMain.class).info("ready on port {}", api.port());
    }

    private static void close(RunFolder folder) {
        try {
            folder.close();
        } catch (IOException e) {
            System.err.println("error: " + e.getMessage());
        }
    }
}
