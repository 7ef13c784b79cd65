package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.plan.Strategy;
import dev.lockstep.coordinator.overhead.Target.Bound;
import java.util.List;
import org.junit.jupiter.api.Test;

class TargetTest {
    private static final String ONE = "Lockstep over bare, 1 device";
    private static final String DATA_PARALLEL = "Lockstep over bare, 2 devices, data-parallel";
    private static final String ALL_REDUCE = "Lockstep over bare, 2 devices, all-reduce";

    private static Target find(List<Target> targets, String name) {
        return targets.stream()
                .filter(target -> target.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void shouldSayWhichAreMet() {
        List<Target> targets = Target.of(
                List.of(
                        Samples.comparison(1, Strategy.DATA_PARALLEL, 0.99, 0),
                        Samples.comparison(2, Strategy.DATA_PARALLEL, 0.96, 0.5),
                        Samples.comparison(2, Strategy.ALL_REDUCE, 0.98, 1.1),
                        Samples.comparison(4, Strategy.ALL_REDUCE, 0.5, 0.2)),
                List.of(
                        Samples.emptyStep(1, false, 9, 90),
                        Samples.emptyStep(2, true, 9, 90),
                        Samples.emptyStep(2, false, 0.4, 11),
                        Samples.emptyStep(8, false, 1.6, 9)),
                1.5);

        assertEquals(new Target(ONE, 0.99, Bound.AT_LEAST, 0.99, true), find(targets, ONE));
        assertEquals(new Target(DATA_PARALLEL, 0.96, Bound.AT_LEAST, 0.97, false), find(targets, DATA_PARALLEL));
        assertEquals(new Target(ALL_REDUCE, 0.98, Bound.AT_LEAST, 0.97, true), find(targets, ALL_REDUCE));
        String two = "empty step, 2 workers, without TLS, ";
        assertEquals(new Target(two + "median ms", 0.4, Bound.AT_MOST, 0.5, true), find(targets, two + "median ms"));
        assertEquals(new Target(two + "p99 ms", 11.0, Bound.AT_MOST, 10, false), find(targets, two + "p99 ms"));
        String eight = "empty step, 8 workers, without TLS, ";
        assertEquals(
                new Target(eight + "median ms", 1.6, Bound.AT_MOST, 1.5, false), find(targets, eight + "median ms"));
        assertEquals(new Target(eight + "p99 ms", 9.0, Bound.AT_MOST, 10, true), find(targets, eight + "p99 ms"));
        String reduce = "reduce over the copies it must make";
        assertEquals(new Target(reduce, 1.5, Bound.AT_MOST, 1.5, true), find(targets, reduce));
        assertEquals(new Target("replicate ms", 1.1, Bound.AT_MOST, 1, false), find(targets, "replicate ms"));
        assertEquals(9, targets.size());
    }

    @Test
    void shouldNotJudgeWhatWasNotMeasured() {
        List<Target> targets = Target.of(List.of(), List.of(Samples.emptyStep(2, true, 0.1, 0.1)), null);

        assertEquals(9, targets.size());
        assertTrue(targets.stream().allMatch(target -> target.figure() == null && target.met() == null));
        assertTrue(targets.stream().noneMatch(Target::holds));
    }
}
