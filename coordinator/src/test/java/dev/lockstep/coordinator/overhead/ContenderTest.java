package dev.lockstep.coordinator.overhead;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.lockstep.common.plan.Strategy;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ContenderTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "0 | 1 device; 2 devices, data-parallel; 2 devices, all-reduce",
                "1 | 2 devices, data-parallel; 2 devices, all-reduce; 1 device",
                "2 | 2 devices, all-reduce; 1 device; 2 devices, data-parallel",
                "3 | 1 device; 2 devices, data-parallel; 2 devices, all-reduce"
            })
    void shouldBeginEveryRoundWithAnother(int round, String labels) {
        List<Contender> contenders = List.of(
                new Contender(1, Strategy.DATA_PARALLEL),
                new Contender(2, Strategy.DATA_PARALLEL),
                new Contender(2, Strategy.ALL_REDUCE));

        List<String> order = Contender.inRound(contenders, round).stream()
                .map(Contender::label)
                .toList();

        assertEquals(List.of(labels.split("; ", -1)), order);
    }
}
