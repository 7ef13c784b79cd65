package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.typesafe.config.ConfigFactory;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.coordinator.report.Spread;
import dev.lockstep.coordinator.settings.RunRequests;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import org.junit.jupiter.api.Test;

class RoundsTest {
    private static final Plan PLAN = RunRequests.read(
                    ConfigFactory.parseMap(Map.of("devices", "1,2", "strategy", "data-parallel,all-reduce")), 2, true)
            .plan();

    private static List<String> labels(int rounds) {
        return new Rounds(PLAN, rounds).order().stream().map(Contender::label).toList();
    }

    @Test
    void shouldTurnEverySecondRoundRound() {
        assertEquals(
                List.of(
                        "1 bare loop",
                        "2 bare loops",
                        "Lockstep on 1 device",
                        "Lockstep on 2 devices, data-parallel",
                        "Lockstep on 2 devices, all-reduce",
                        "Lockstep on 2 devices, all-reduce",
                        "Lockstep on 2 devices, data-parallel",
                        "Lockstep on 1 device",
                        "2 bare loops",
                        "1 bare loop"),
                labels(2));
        assertEquals(labels(1), labels(3).subList(10, 15));
    }

    @Test
    void shouldCompareWithinEachRound() {
        // One after the other, as they are measured: 1 bare, 2 bare, Lockstep on 1, data-parallel, all-reduce, and
        // back.
        Queue<Double> imagesPerSecond = new ArrayDeque<>(List.of(
                10.0, 20.0, 9.0, 18.0, 19.0, //
                12.0, 10.0, 8.8, 20.0, 8.0));

        List<Comparison> comparisons =
                new Rounds(PLAN, 2).run(contender -> Samples.throughput(imagesPerSecond.remove(), 0.1));

        assertEquals(3, comparisons.size());
        Comparison one = comparisons.get(0);
        assertEquals(1, one.devices());
        assertEquals(
                List.of(0.9, 1.1),
                one.rounds().stream().map(Comparison.Round::ratio).toList());
        assertEquals(9, one.bareImagesPerSecond());
        assertEquals(8.9, one.lockstepImagesPerSecond(), 1e-12);
        assertEquals(new Spread(1.0, 0.9, 1.1), one.ratio());
        Comparison dataParallel = comparisons.get(1);
        assertEquals(Strategy.DATA_PARALLEL, dataParallel.strategy());
        assertEquals(new Spread(0.7, 0.5, 0.9), dataParallel.ratio());
        Comparison allReduce = comparisons.get(2);
        assertEquals(Strategy.ALL_REDUCE, allReduce.strategy());
        assertEquals(0.6, allReduce.ratio().min());
        assertEquals(0.95, allReduce.ratio().max());
    }

    @Test
    void shouldTakeTheMiddleOne() {
        assertEquals(new Spread(2, 1, 7), Spread.of(List.of(7.0, 1.0, 2.0)));
        assertEquals(new Spread(3, 1, 7), Spread.of(List.of(7.0, 4.0, 1.0, 2.0)));
    }
}
