package dev.lockstep.coordinator.settings;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * The coordinator's own settings: {@code coordinator-defaults.conf} under {@code deploy/conf/lockstep.conf}.
 *
 * @param tls whether members of the cluster speak mutual TLS; off is for measuring only
 * @param httpPort of the API on 127.0.0.1; 0 for any free one
 * @param workerJavaOptions JVM options of every worker
 * @param workerStartTimeout from spawning a worker to its introduction
 * @param stepTimeout how long a replica waits for another before the measurement fails
 * @param coreTurn how long a replica stays on the cores of one device while others keep step with it; zero for always
 * @param memoryLimitMiB what all replicas may use together; null for what the machine has available
 * @param gpuCollective what GPUs exchange tensors by
 */
public record CoordinatorSettings(
        boolean tls,
        int httpPort,
        List<String> workerJavaOptions,
        Duration workerStartTimeout,
        Duration stepTimeout,
        Duration coreTurn,
        Long memoryLimitMiB,
        GpuCollective gpuCollective) {
    private static final long MIB = 1024 * 1024;
    private static final int GREATEST_PORT = 65535;
    private static final Duration LEAST_TIMEOUT = Duration.ofSeconds(1);
    /** More often would cost more than it gains. */
    private static final Duration LEAST_CORE_TURN = Duration.ofMillis(5);

    public CoordinatorSettings {
        workerJavaOptions = List.copyOf(workerJavaOptions);
    }

    /**
     * Reads the settings.
     *
     * @param file the user's file; the defaults alone serve where it is not there
     * @throws LockstepException USAGE naming the file, the line and what is wrong
     */
    public static CoordinatorSettings load(Path file) {
        try {
            Config defaults = ConfigFactory.parseResources("coordinator-defaults.conf");
            Config user = Files.exists(file) ? ConfigFactory.parseFile(file.toFile()) : ConfigFactory.empty();
            user.entrySet().stream()
                    .filter(entry -> !defaults.hasPathOrNull(entry.getKey()))
                    .findFirst()
                    .ifPresent(entry -> {
                        throw new LockstepException(
                                FailureCategory.USAGE,
                                "%s: there is no setting '%s'"
                                        .formatted(entry.getValue().origin().description(), entry.getKey()));
                    });
            return read(user.withFallback(defaults).resolve().getConfig("lockstep"));
        } catch (ConfigException e) {
            throw new LockstepException(FailureCategory.USAGE, e.getMessage(), e);
        }
    }

    private static CoordinatorSettings read(Config config) {
        return new CoordinatorSettings(
                config.getBoolean("cluster.tls"),
                port(config),
                config.getStringList("worker.java-options"),
                atLeast(config, "worker.start-timeout", LEAST_TIMEOUT),
                atLeast(config, "worker.step-timeout", LEAST_TIMEOUT),
                coreTurn(config),
                config.getIsNull("memory-limit") ? null : (Long) (config.getBytes("memory-limit") / MIB),
                gpuCollective(config));
    }

    private static int port(Config config) {
        int port = config.getInt("http.port");
        if (port < 0 || port > GREATEST_PORT) {
            throw refusal(config, "http.port", port + " is no port: 0, for any free one, to " + GREATEST_PORT);
        }
        return port;
    }

    private static Duration coreTurn(Config config) {
        Duration turn = config.getDuration("worker.core-turn");
        return turn.isZero() ? turn : atLeast(config, "worker.core-turn", LEAST_CORE_TURN);
    }

    private static Duration atLeast(Config config, String path, Duration least) {
        Duration duration = config.getDuration(path);
        if (duration.compareTo(least) < 0) {
            throw refusal(config, path, "less than " + least.toMillis() + " ms");
        }
        return duration;
    }

    private static ConfigException refusal(Config config, String path, String reason) {
        return new ConfigException.BadValue(config.getValue(path).origin(), "lockstep." + path, reason);
    }

    private static GpuCollective gpuCollective(Config config) {
        String wanted = config.getString("gpu-collective");
        return Arrays.stream(GpuCollective.values())
                .filter(value -> value.name().toLowerCase(Locale.ROOT).equals(wanted))
                .findFirst()
                .orElseThrow(() -> refusal(config, "gpu-collective", "'" + wanted + "' is none of auto, nccl, staged"));
    }
}
