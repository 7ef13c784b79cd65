package dev.lockstep.coordinator.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CoordinatorSettingsTest {
    @TempDir
    Path folder;

    private CoordinatorSettings load(String text) throws IOException {
        Path file = folder.resolve("lockstep.conf");
        Files.writeString(file, text);
        return CoordinatorSettings.load(file);
    }

    @Test
    void shouldHaveThesesDefaults() {
        CoordinatorSettings expected = new CoordinatorSettings(
                true,
                0,
                List.of("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC"),
                Duration.ofSeconds(90),
                Duration.ofSeconds(180),
                Duration.ofMillis(100),
                null,
                GpuCollective.AUTO);
        assertEquals(expected, CoordinatorSettings.load(folder.resolve("missing.conf")));
    }

    @Test
    void shouldReadEveryKey() throws IOException {
        String text =
                """
                lockstep {
                  cluster.tls = off
                  http.port = 8080
                  worker { java-options = ["-Xmx1g"], start-timeout = 5 s, step-timeout = 2 minutes, core-turn = 0 s }
                  memory-limit = 3 GiB
                  gpu-collective = staged
                }
                """;
        assertEquals(
                ConfigFactory.parseResources("coordinator-defaults.conf")
                                .resolve()
                                .entrySet()
                                .size()
                        + 1,
                ConfigFactory.parseString(text).entrySet().size(),
                "the defaults leave out memory-limit, which is null");
        CoordinatorSettings expected = new CoordinatorSettings(
                false,
                8080,
                List.of("-Xmx1g"),
                Duration.ofSeconds(5),
                Duration.ofMinutes(2),
                Duration.ZERO,
                3072L,
                GpuCollective.STAGED);
        assertEquals(expected, load(text));
    }

    @Test
    void shouldNameTheLineOfAWrongSetting() {
        LockstepException refusal =
                assertThrows(LockstepException.class, () -> load("lockstep {\n  cluster.tsl = on\n}"));
        assertEquals(FailureCategory.USAGE, refusal.failure().category());
        assertTrue(refusal.getMessage().contains("lockstep.conf: 2"), refusal.getMessage());
        assertTrue(refusal.getMessage().contains("lockstep.cluster.tsl"), refusal.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http.port = -1",
                "http.port = 65536",
                "worker.start-timeout = 999 ms",
                "worker.step-timeout = -1 s",
                "worker.core-turn = -100 ms",
                "worker.core-turn = 4 ms",
                "gpu-collective = gloo"
            })
    void shouldRefuseAValueThatMakesNoSense(String setting) {
        LockstepException refusal =
                assertThrows(LockstepException.class, () -> load("lockstep {\n  " + setting + "\n}"));
        assertEquals(FailureCategory.USAGE, refusal.failure().category());
        assertTrue(refusal.getMessage().contains("lockstep.conf: 2"), refusal.getMessage());
        assertTrue(
                refusal.getMessage().contains("lockstep." + setting.substring(0, setting.indexOf(' '))),
                refusal.getMessage());
    }
}
