package dev.lockstep.worker.collective;

import ai.djl.ndarray.NDManager;
import dev.lockstep.common.memory.Segment;
import java.time.Duration;

/**
 * A replica with memory of its own, as it takes part in an exchange.
 *
 * @param manager of its device
 * @param logits where a trace finds the logits
 * @param patience how long it waits for others
 */
public record Participant(
        Segment segment, int rank, ReplicaMemory memory, NDManager manager, LogitsRecord logits, Duration patience) {}
