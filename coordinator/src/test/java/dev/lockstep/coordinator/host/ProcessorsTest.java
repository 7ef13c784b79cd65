package dev.lockstep.coordinator.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import org.junit.jupiter.api.Test;

class ProcessorsTest {
    @Test
    void shouldReadAndWriteTheKernelsLists() {
        List<Integer> processors = List.of(0, 1, 2, 3, 8, 10, 11);
        assertEquals(processors, Processors.parse("0-3,8,10-11"));
        assertEquals("0-3,8,10-11", Processors.format(processors));
        assertEquals("5", Processors.format(List.of(5)));
    }

    @Test
    void shouldFindThisMachines() {
        assertFalse(Processors.allowed().isEmpty());
    }
}
