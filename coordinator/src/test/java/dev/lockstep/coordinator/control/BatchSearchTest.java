package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class BatchSearchTest {
    /** Runs a search where everything up to {@code capacity} fits, and returns what it tried. */
    private static List<Integer> tries(BatchSearch search, int capacity) {
        List<Integer> tries = new ArrayList<>();
        while (search.next().isPresent()) {
            int batch = search.next().getAsInt();
            tries.add(batch);
            if (batch <= capacity) {
                search.fits();
            } else {
                search.doesNotFit();
            }
        }
        return tries;
    }

    @Test
    void shouldDoubleAndThenBisectToAnEighth() {
        BatchSearch search = BatchSearch.upTo(1 << 16);
        assertEquals(List.of(1, 2, 4, 8, 16, 32, 64, 128, 96, 80, 88), tries(search, 90));
        assertEquals(OptionalInt.of(88), search.largest());
    }

    @Test
    void shouldFindSmallBatchesExactly() {
        BatchSearch search = BatchSearch.upTo(1 << 16);
        assertEquals(List.of(1, 2, 4, 8, 6, 5), tries(search, 5));
        assertEquals(OptionalInt.of(5), search.largest());
    }

    @Test
    void shouldFindNothingWhereNotEvenOneFits() {
        BatchSearch search = BatchSearch.upTo(1 << 16);
        assertEquals(List.of(1), tries(search, 0));
        assertTrue(search.largest().isEmpty());
    }

    @Test
    void shouldTryNothingBeyondItsLimit() {
        BatchSearch search = BatchSearch.upTo(6);
        assertEquals(List.of(1, 2, 4, 5, 6), tries(search, 1000));
        assertEquals(OptionalInt.of(6), search.largest());
    }

    @Test
    void shouldBeContentWithALikelyLimitThatFits() {
        BatchSearch search = BatchSearch.downFrom(48);
        assertEquals(List.of(48), tries(search, 50));
        assertEquals(OptionalInt.of(48), search.largest());
    }

    @Test
    void shouldSearchBelowALikelyLimitThatDoesNotFit() {
        BatchSearch search = BatchSearch.downFrom(12);
        assertEquals(List.of(12, 1, 2, 4, 8, 10, 9), tries(search, 9));
        assertEquals(OptionalInt.of(9), search.largest());
    }

    @Test
    void shouldEndWithEveryCapacityWithinAnEighth() {
        for (int capacity = 1; capacity < 600; capacity++) {
            BatchSearch search = BatchSearch.upTo(1 << 16);
            tries(search, capacity);
            int largest = search.largest().orElseThrow();
            assertTrue(largest <= capacity && capacity - largest <= largest / 8, capacity + " gave " + largest);
        }
    }
}
