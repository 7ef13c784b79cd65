package dev.lockstep.coordinator.peers;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.report.ResultStatus;

/** How one round of a peer ended. */
public sealed interface PeerOutcome {
    /** With figures. */
    record Measured(PeerMeasurement measurement) implements PeerOutcome {}

    /**
     * Without.
     *
     * @param status failed, or skipped when this PyTorch or machine lacks what was asked for
     */
    record NotMeasured(ResultStatus status, Failure failure) implements PeerOutcome {}
}
