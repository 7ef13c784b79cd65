package dev.lockstep.coordinator.cluster;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.coordinator.settings.JavaOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The engine's native libraries: unpacked once, before any worker starts, by a process that has them on its class path. */
public final class EngineNatives {
    private static final String MAIN_CLASS = "dev.lockstep.worker.UnpackNatives";
    /** The version of the natives in the worker's jars: {@code pytorch.version} in the parent pom. */
    private static final String PYTORCH_VERSION = "2.5.1";
    /** The engine otherwise asks the network for updates and for natives. */
    private static final Map<String, String> OFFLINE = Map.of("DJL_OFFLINE", "true", "OPT_OUT_TRACKING", "true");

    private EngineNatives() {}

    /**
     * Unpacks what is not unpacked yet.
     *
     * @return the environment with which a worker finds them
     */
    public static Map<String, String> environment(String workerClassPath) {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        List<String> command = new ArrayList<>(List.of(java.toString(), "-XX:TieredStopAtLevel=1"));
        command.addAll(JavaOptions.forThisVersion());
        command.addAll(List.of("-cp", workerClassPath, MAIN_CLASS));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(OFFLINE);
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        try {
            Process process = builder.start();
            process.getOutputStream().close();
            String folder = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .reduce("", (before, line) -> line);
            int status = process.waitFor();
            if (status != 0) {
                throw failed("the unpacking ended with exit code " + status, null);
            }
            Map<String, String> environment = new HashMap<>(OFFLINE);
            environment.put("PYTORCH_LIBRARY_PATH", folder);
            environment.put("PYTORCH_FLAVOR", "cpu");
            environment.put("PYTORCH_VERSION", PYTORCH_VERSION);
            return environment;
        } catch (IOException e) {
            throw failed(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failed("interrupted", e);
        }
    }

    private static LockstepException failed(String why, Exception cause) {
        return new LockstepException(
                FailureCategory.ENVIRONMENT,
                "the engine's native libraries could not be unpacked: " + why + "; the lines above say more",
                cause);
    }
}
