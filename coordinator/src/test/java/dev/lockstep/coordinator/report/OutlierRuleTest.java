package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.common.report.Quality.Outliers;
import java.util.List;
import org.junit.jupiter.api.Test;

class OutlierRuleTest {
    @Test
    void shouldFindStepsFarOutOnBothSides() {
        // Quartiles 100.5 and 102.5, so that up to 94.5 and 108.5 nothing is far.
        List<Double> samples = List.of(100.0, 101.0, 102.0, 103.0, 108.4, 94.6, 101.5);
        assertEquals(0, OutlierRule.apply(samples).count());
        List<Double> far = List.of(100.0, 101.0, 102.0, 103.0, 109.0, 94.0, 101.5);
        assertEquals(new Outliers(OutlierRule.TEXT, 2, List.of(4, 5)), OutlierRule.apply(far));
    }

    @Test
    void shouldFindNoneInASingleStep() {
        assertEquals(0, OutlierRule.apply(List.of(5.0)).count());
    }
}
