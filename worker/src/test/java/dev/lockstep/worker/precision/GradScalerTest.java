package dev.lockstep.worker.precision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.LossScale;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class GradScalerTest {
    @Test
    void shouldStartAsTorchDoes() {
        assertEquals(new LossScale(65536, 0, 0), new GradScaler().state());
    }

    @Test
    void shouldDoubleAfter2000GoodSteps() {
        GradScaler scaler = new GradScaler();
        goodSteps(scaler, 1999);
        assertEquals(new LossScale(65536, 1999, 0), scaler.state());

        scaler.update(false);

        assertEquals(new LossScale(131072, 0, 0), scaler.state());
    }

    @Test
    void shouldHalveAndCountAgainAfterAnOverflow() {
        GradScaler scaler = new GradScaler();
        goodSteps(scaler, 1999);

        scaler.update(true);
        scaler.update(true);
        goodSteps(scaler, 1999);

        assertEquals(new LossScale(16384, 1999, 2), scaler.state());
        scaler.update(false);
        assertEquals(new LossScale(32768, 0, 2), scaler.state());
    }

    @Test
    void shouldStayWithinTheRangeOfFloats() {
        GradScaler grown = new GradScaler(new LossScale(0x1p127, 1999, 0));
        grown.update(false);
        assertEquals(new LossScale(0x1p127, 0, 0), grown.state());

        GradScaler shrunk = new GradScaler(new LossScale(0x1p-126, 5, 7));
        shrunk.update(true);
        assertEquals(new LossScale(0x1p-126, 0, 8), shrunk.state());
        assertTrue(Float.isFinite((float) (1 / shrunk.state().scale())));
    }

    @Test
    void shouldGoOnFromACheckpoint() {
        GradScaler scaler = new GradScaler();
        scaler.update(true);
        goodSteps(scaler, 1998);

        GradScaler restored = GradScaler.fromMetadata(scaler.toMetadata());

        assertEquals(new LossScale(32768, 1998, 1), restored.state());
        goodSteps(restored, 2);
        assertEquals(new LossScale(65536, 0, 1), restored.state());
    }

    @Test
    void shouldNameItsStateInCheckpoints() {
        assertEquals(
                Map.of(
                        "lockstep.scaler.scale", "65536.0",
                        "lockstep.scaler.growth_tracker", "0",
                        "lockstep.scaler.skipped", "0"),
                new GradScaler().toMetadata());
    }

    @Test
    void shouldStartAnewFromACheckpointWithoutOne() {
        assertEquals(
                new GradScaler().state(),
                GradScaler.fromMetadata(Map.of("format", "pt")).state());
    }

    @Test
    void shouldRefuseAStateThatCannotBe() {
        for (String key : new GradScaler().toMetadata().keySet()) {
            for (String bad : new String[] {null, "", "many", "-1", "NaN"}) {
                Map<String, String> metadata = new HashMap<>(new GradScaler().toMetadata());
                if (bad == null) {
                    metadata.remove(key);
                } else {
                    metadata.put(key, bad);
                }

                LockstepException e = assertThrows(LockstepException.class, () -> GradScaler.fromMetadata(metadata));

                assertEquals(FailureCategory.USAGE, e.failure().category());
                assertTrue(e.getMessage().contains(key), e.getMessage());
            }
        }
    }

    private static void goodSteps(GradScaler scaler, int steps) {
        for (int step = 0; step < steps; step++) {
            scaler.update(false);
        }
    }
}
