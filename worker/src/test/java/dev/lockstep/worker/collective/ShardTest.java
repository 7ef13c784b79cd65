package dev.lockstep.worker.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShardTest {
    @ParameterizedTest
    @CsvSource({"10750096, 4", "10750096, 3", "592, 4", "592, 1", "32, 4"})
    void shouldCoverTheWholeWithoutOverlap(long floats, int ranks) {
        long next = 0;
        for (int rank = 0; rank < ranks; rank++) {
            Shard shard = Shard.of(rank, ranks, floats);
            assertEquals(next, shard.from());
            assertEquals(0, shard.from() % 16);
            assertTrue(Math.abs(shard.floats() - floats / ranks) <= 16, shard.toString());
            next = shard.to();
        }
        assertEquals(floats, next);
    }
}
