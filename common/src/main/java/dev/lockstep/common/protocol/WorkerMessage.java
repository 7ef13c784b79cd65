package dev.lockstep.common.protocol;

import akka.actor.typed.ActorRef;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.TrainingSpec;
import java.util.List;

/** What a worker is told to do. It does one thing after the other, in the order of arrival. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({
    @JsonSubTypes.Type(value = WorkerMessage.Probe.class, name = "probe"),
    @JsonSubTypes.Type(value = WorkerMessage.CreateCommunicatorId.class, name = "create-communicator-id"),
    @JsonSubTypes.Type(value = WorkerMessage.Prepare.class, name = "prepare"),
    @JsonSubTypes.Type(value = WorkerMessage.RunSteps.class, name = "run-steps"),
    @JsonSubTypes.Type(value = WorkerMessage.Summarise.class, name = "summarise"),
    @JsonSubTypes.Type(value = WorkerMessage.Release.class, name = "release"),
    @JsonSubTypes.Type(value = WorkerMessage.Stop.class, name = "stop")
})
public sealed interface WorkerMessage extends ControlMessage {
    /** Find out what a model needs; answered by {@link MeasurementMessage.Probed}. */
    record Probe(long epoch, TrainingSpec training, ActorRef<MeasurementMessage> replyTo) implements WorkerMessage {}

    /** Make what the replicas find each other by under NCCL; answered by {@link MeasurementMessage.CommunicatorIdCreated}. */
    record CreateCommunicatorId(long epoch, ActorRef<MeasurementMessage> replyTo) implements WorkerMessage {}

    /** Build the replica over its segment; answered by {@link MeasurementMessage.Prepared}. All that follows goes to {@code replyTo}. */
    record Prepare(ReplicaSpec replica, ActorRef<MeasurementMessage> replyTo) implements WorkerMessage {}

    /** Run a group of steps, one after the other; answered by one or more {@link MeasurementMessage.StepsDone}. */
    record RunSteps(long epoch, List<StepCommand> commands) implements WorkerMessage {
        public RunSteps {
            commands = List.copyOf(commands);
        }
    }

    /** Say how the replica ended; answered by {@link MeasurementMessage.Summarised}. */
    record Summarise(long epoch) implements WorkerMessage {}

    /** Let go of the replica and its segment; answered by {@link MeasurementMessage.Released}, whether or not there was one. */
    record Release(long epoch, ActorRef<MeasurementMessage> replyTo) implements WorkerMessage {}

    /** End the process. */
    record Stop() implements WorkerMessage {}
}
