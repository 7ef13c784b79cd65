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

/**
 * The engine's native libraries: unpacked and loaded once, before any worker starts, by a process that has the worker's jars on its class
 * path.
 */
public final class EngineNatives {
    private static final String MAIN_CLASS = "dev.lockstep.worker.UnpackNatives";
    /** The version of the natives in the worker's jars: {@code pytorch.version} in the parent pom. */
    private static final String PYTORCH_VERSION = "2.5.1";
    /** The engine otherwise asks the network for updates and for natives. */
    private static final Map<String, String> OFFLINE = Map.of("DJL_OFFLINE", "true", "OPT_OUT_TRACKING", "true");

    private EngineNatives() {}

    /**
     * The CPU build, which is in the worker's jars: unpacks what is not unpacked yet.
     *
     * @return the environment with which a worker finds it
     */
    public static Map<String, String> environment(String workerClassPath) {
        Map<String, String> environment = new HashMap<>(OFFLINE);
        environment.put("PYTORCH_LIBRARY_PATH", load(workerClassPath, OFFLINE));
        environment.put("PYTORCH_FLAVOR", "cpu");
        environment.put("PYTORCH_VERSION", PYTORCH_VERSION);
        return environment;
    }

    /**
     * The CUDA build, which lies in a folder: sees that it can be loaded, and has DJL unpack its own part for it.
     *
     * @param cuda names the folder
     * @return the environment with which a worker finds it
     */
    static Map<String, String> environment(String workerClassPath, Map<String, String> cuda) {
        Map<String, String> environment = new HashMap<>(OFFLINE);
        environment.putAll(cuda);
        environment.put("PYTORCH_VERSION", PYTORCH_VERSION);
        load(workerClassPath, environment);
        return environment;
    }

    /** The folder of the natives that a process with this environment loads. */
    private static String load(String workerClassPath, Map<String, String> environment) {
        Path java = Path.of(System.getProperty("java.home"), "bin", "java");
        List<String> command = new ArrayList<>(List.of(java.toString(), "-XX:TieredStopAtLevel=1"));
        command.addAll(JavaOptions.forThisVersion());
        command.addAll(List.of("-cp", workerClassPath, MAIN_CLASS));
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        // It computes nothing.
        builder.environment().put("CUDA_VISIBLE_DEVICES", "");
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        try {
            Process process = builder.start();
            process.getOutputStream().close();
            String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .reduce("", (before, line) -> line);
            int status = process.waitFor();
            if (status != 0) {
                throw failed(
                        answer.isEmpty()
                                ? "the process that does it ended with exit code " + status
                                        + "; its lines in logs/coordinator.log say more"
                                : answer,
                        null);
            }
            return answer;
        } catch (IOException e) {
            throw failed(e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw failed("interrupted", e);
        }
    }

    private static LockstepException failed(String why, Exception cause) {
        return new LockstepException(
                FailureCategory.ENVIRONMENT, "the engine's native libraries cannot be used: " + why, cause);
    }
}
