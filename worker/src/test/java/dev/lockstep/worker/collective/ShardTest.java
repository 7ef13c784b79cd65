package dev.lockstep.worker.collective;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ShardTest {
    @ParameterizedTest
    @CsvSource({"10750096, 4", "10750096, 3", "4112, 4", "592, 1"})
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
        assertEquals(ranks, Shard.owners(ranks, floats));
    }

    @ParameterizedTest
    @ValueSource(longs = {16, 592, 4096})
    void shouldLeaveASmallBufferToRankZero(long floats) {
        assertEquals(1, Shard.owners(4, floats));
        assertEquals(new Shard(0, floats), Shard.of(0, 4, floats));
        assertEquals(0, Shard.of(3, 4, floats).floats());
    }
}
