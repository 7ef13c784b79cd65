package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.lockstep.common.plan.Strategy;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class OverheadReportTest {
    private static final String REDUCE = "reduce over the copies it must make";

    private static JsonNode reduce(double ratio) {
        return JsonNodeFactory.instance.objectNode().put("ratio", ratio);
    }

    private static OverheadReport report(JsonNode reduce) {
        return OverheadReport.of(
                Instant.EPOCH,
                null,
                null,
                1,
                12,
                List.of(
                        Samples.comparison(1, Strategy.DATA_PARALLEL, 1.0, 0),
                        Samples.comparison(2, Strategy.DATA_PARALLEL, 0.98, 0.1),
                        Samples.comparison(2, Strategy.ALL_REDUCE, 0.98, 0.1)),
                List.of(Samples.emptyStep(2, false, 0.4, 2), Samples.emptyStep(8, false, 1.4, 9)),
                reduce,
                List.of());
    }

    private static Target reduceTarget(OverheadReport report) {
        return report.targets().stream()
                .filter(target -> target.name().equals(REDUCE))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void shouldMeetAllTargetsWhereEachIsMet() {
        OverheadReport report = report(reduce(1.4));
        assertEquals(1.4, reduceTarget(report).figure());
        assertTrue(report.meetsAllTargets(), report.targets()::toString);
        assertFalse(report.finishedAt().isBefore(report.startedAt()));
    }

    @Test
    void shouldNotMeetAllTargetsWhereOneIsMissedOrWasNotMeasured() {
        assertFalse(report(reduce(1.6)).meetsAllTargets());
        OverheadReport without = report(null);
        assertNull(reduceTarget(without).figure());
        assertFalse(without.meetsAllTargets());
    }
}
