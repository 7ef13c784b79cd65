package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.coordinator.report.Spread;
import dev.lockstep.coordinator.settings.RunRequests;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ComparisonTest {
    private static Comparison.Round round(double bare, double lockstep) {
        return Comparison.Round.of(Samples.throughput(bare, 0), Samples.throughput(lockstep, lockstep / 100));
    }

    @Test
    void shouldTakeTheMiddleOfRoundsAndCompareWithinEach() {
        Contender contender = new Contender(2, Strategy.ALL_REDUCE);

        Comparison comparison = Comparison.of(contender, List.of(round(10, 9), round(20, 22), round(16, 16)));

        assertEquals(2, comparison.devices());
        assertEquals(Strategy.ALL_REDUCE, comparison.strategy());
        assertEquals(new Spread(1.0, 0.9, 1.1), comparison.ratio());
        assertEquals(16, comparison.bareImagesPerSecond());
        assertEquals(16, comparison.lockstepImagesPerSecond());
        assertEquals(new Spread(0.16, 0.09, 0.22), comparison.replicateMillis());
    }

    @Test
    void shouldCompareWithLoopsInStepToo() {
        Throughput bare = new Throughput(18, 16, List.of(List.of(1.0), List.of(1.0)), 0, null);
        Comparison.Round round = Comparison.Round.of(bare, Samples.throughput(15.3, 0));
        assertEquals(0.85, round.ratio(), 1e-12);
        assertEquals(15.3 / 16, round.inStepRatio(), 1e-12);
    }

    @Test
    void shouldTakeTheMiddleOne() {
        assertEquals(new Spread(2, 1, 7), Spread.of(List.of(7.0, 1.0, 2.0)));
        assertEquals(new Spread(3, 1, 7), Spread.of(List.of(7.0, 4.0, 1.0, 2.0)));
    }

    @Test
    void shouldCompareEachStrategyButOnOneDevice() {
        Plan plan = RunRequests.read(
                        ConfigFactory.parseMap(Map.of("devices", "1,2", "strategy", "data-parallel,all-reduce")),
                        2,
                        true)
                .plan();
        assertEquals(
                List.of("1 device", "2 devices, data-parallel", "2 devices, all-reduce"),
                Contender.of(plan).stream().map(Contender::label).toList());
    }
}
