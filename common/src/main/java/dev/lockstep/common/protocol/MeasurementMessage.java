package dev.lockstep.common.protocol;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepReport;
import java.util.List;

/** What a worker answers to the measurement it works for. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(value = MeasurementMessage.Probed.class, name = "probed"),
    @JsonSubTypes.Type(value = MeasurementMessage.CommunicatorIdCreated.class, name = "communicator-id-created"),
    @JsonSubTypes.Type(value = MeasurementMessage.Prepared.class, name = "prepared"),
    @JsonSubTypes.Type(value = MeasurementMessage.StepsDone.class, name = "steps-done"),
    @JsonSubTypes.Type(value = MeasurementMessage.Summarised.class, name = "summarised"),
    @JsonSubTypes.Type(value = MeasurementMessage.Released.class, name = "released"),
    @JsonSubTypes.Type(value = MeasurementMessage.WorkFailed.class, name = "work-failed")
})
public sealed interface MeasurementMessage extends ControlMessage {
    /** The measurement the answer belongs to; an answer to an earlier one is stale. */
    long epoch();

    record Probed(long epoch, ModelFootprint footprint) implements MeasurementMessage {}

    record CommunicatorIdCreated(long epoch, CommunicatorId id) implements MeasurementMessage {}

    record Prepared(long epoch, int rank) implements MeasurementMessage {}

    /** Reports of steps that the rank has done since it last told, in their order. */
    record StepsDone(long epoch, int rank, List<StepReport> reports) implements MeasurementMessage {
        public StepsDone {
            reports = List.copyOf(reports);
        }
    }

    record Summarised(long epoch, int rank, ReplicaSummary summary) implements MeasurementMessage {}

    /** The worker holds nothing of the measurement any more. */
    record Released(long epoch, String deviceId) implements MeasurementMessage {}

    /** What was asked could not be done; the replica is of no more use. */
    record WorkFailed(long epoch, String deviceId, Failure failure) implements MeasurementMessage {}
}
