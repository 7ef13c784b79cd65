package dev.lockstep.common.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Expected values are those of {@code torch.chunk}, by which DataParallel scatters. */
class ChunksTest {
    @Test
    void shouldSplitAsTorchDoes() {
        assertEquals(List.of(3, 3, 3, 1), Chunks.of(10, 4));
        assertEquals(List.of(2, 2, 1), Chunks.of(5, 4));
        assertEquals(List.of(16, 16), Chunks.of(32, 2));
        assertEquals(List.of(1), Chunks.of(1, 4));
        assertEquals(List.of(7), Chunks.of(7, 1));
        assertEquals(List.of(2, 2, 2), Chunks.of(6, 4));
    }

    @Test
    void shouldRefuseNothingToSplit() {
        assertThrows(IllegalArgumentException.class, () -> Chunks.of(0, 2));
        assertThrows(IllegalArgumentException.class, () -> Chunks.of(2, 0));
    }
}
