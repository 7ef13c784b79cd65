package dev.lockstep.worker.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.worker.bench.ReduceFigures.Millis;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class ReduceFiguresTest {
    /** From one to so many milliseconds, the longest first. */
    private static List<Long> upTo(long millis) {
        return LongStream.rangeClosed(1, millis)
                .map(one -> (millis + 1 - one) * 1_000_000)
                .boxed()
                .toList();
    }

    @Test
    void shouldTakeTheNearestRank() {
        assertEquals(new Millis(10, 19), Millis.of(upTo(20)));
        assertEquals(new Millis(11, 20), Millis.of(upTo(21)));
        assertEquals(new Millis(1, 1), Millis.of(upTo(1)));
    }

    @Test
    void shouldCompareMediansAndSayWhatItMeasured() {
        ReduceFigures figures = ReduceFigures.of(
                43_000_100, 2, List.of(9_000_000L, 6_000_000L, 900_000_000L), List.of(4_000_000L), List.of(250_000L));

        JsonNode json = new ObjectMapper().valueToTree(figures);
        assertEquals(43_000_100, json.get("bytes").asLong());
        assertEquals(2, json.get("ranks").asInt());
        assertEquals(9, json.at("/reduceMillis/median").asDouble());
        assertEquals(900, json.at("/reduceMillis/p95").asDouble());
        assertEquals(4, json.at("/copyMillis/median").asDouble());
        assertEquals(2.25, json.get("ratio").asDouble());
        assertEquals(0.25, json.at("/replicateMillis/median").asDouble());
    }
}
