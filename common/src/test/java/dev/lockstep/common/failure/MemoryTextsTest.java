package dev.lockstep.common.failure;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MemoryTextsTest {
    private static final String OF_LIBTORCH =
            "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 8388608 bytes.";

    @Test
    void shouldKnowTheWordsOfLibtorchOnEitherDevice() {
        assertTrue(MemoryTexts.tell(OF_LIBTORCH));
        assertTrue(MemoryTexts.tell("CUDA out of memory. Tried to allocate 2.00 GiB."));
        assertFalse(MemoryTexts.tell("mat1 and mat2 shapes cannot be multiplied"));
    }

    @Test
    void shouldTellAKernelWithoutRoomFromOneThatDoesNotExist() {
        assertTrue(MemoryTexts.tell("could not create a primitive"));
        assertFalse(MemoryTexts.tell("could not create a primitive descriptor for a convolution forward propagation"));
    }

    @Test
    void shouldFindTheLastWordsAmongAStack() {
        assertEquals(
                Optional.of("what():  " + OF_LIBTORCH),
                MemoryTexts.lastWords(List.of(
                        "INFO worker for cpu:0",
                        "terminate called after throwing an instance of 'c10::Error'",
                        "  what():  " + OF_LIBTORCH,
                        "frame #0: c10::ThrowEnforceNotMet",
                        "frame #1: at::_ops::silu::call")));
        assertEquals(
                Optional.of("what():  std::bad_alloc"), MemoryTexts.lastWords(List.of("  what():  std::bad_alloc")));
    }

    @Test
    void shouldNotTakeAnErrorThatWasSurvivedForTheEnd() {
        assertTrue(MemoryTexts.lastWords(List.of("WARN step 0 ran out of memory: " + OF_LIBTORCH))
                .isEmpty());
        assertTrue(MemoryTexts.lastWords(List.of("  what():  an argument is wrong"))
                .isEmpty());
        assertTrue(MemoryTexts.lastWords(List.of()).isEmpty());
    }
}
