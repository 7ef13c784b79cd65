package dev.lockstep.coordinator.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.tensor.NamedTensor;
import dev.lockstep.common.tensor.SafetensorsWriter;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AgreementTest {
    @TempDir
    Path folder;

    @Test
    void shouldHoldWithinRoundingAlone() {
        assertTrue(agreement(2.0, 5.0).holds());
        assertTrue(agreement(2.001, 5.03).holds());
        assertFalse(agreement(2.01, 5.0).holds());
        assertFalse(agreement(2.0, 5.1).holds());
    }

    @Test
    void shouldNotHoldWhereAFigureIsMissing() {
        assertFalse(agreement(null, 5.0).holds());
        assertFalse(agreement(2.0, null).holds());
    }

    @Test
    void shouldTakeAllGradientsTogetherAndNothingElse() {
        assertEquals(5.0, agreement(2.0, 5.0).gradientNorm(), 1e-6);
    }

    @Test
    void shouldSayWhatWasFound() {
        String sentence = agreement(2.002, 5.0).sentence();
        assertTrue(
                sentence.contains("first loss is 2.000000 and PyTorch's 2.002000 (1.0e-03 apart, bound 1e-03)"),
                sentence);
    }

    private Agreement agreement(Double loss, Double gradientNorm) {
        Path trace = folder.resolve("trace");
        SafetensorsWriter.write(
                trace,
                List.of(
                        NamedTensor.floats("loss", new float[] {2}, 1),
                        NamedTensor.floats("grad/a", new float[] {3, 0}, 2),
                        NamedTensor.floats("grad/b", new float[] {-4}, 1),
                        NamedTensor.floats("param/a", new float[] {100, 100}, 2)),
                Map.of());
        PeerMeasurement measurement = new PeerMeasurement(
                2, List.of(1.0), Collections.singletonList(loss), gradientNorm, null, null, null, null);
        return Agreement.of(trace, measurement);
    }
}
