package dev.lockstep.common.protocol;

import akka.actor.typed.ActorRef;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import dev.lockstep.common.work.EngineInfo;

/** What a worker says to the pool that spawned it. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "type")
@JsonSubTypes({@JsonSubTypes.Type(value = PoolMessage.Introduce.class, name = "introduce")})
public sealed interface PoolMessage extends ControlMessage {
    /**
     * The first word of a spawned worker; one with a wrong token is not let in.
     *
     * @param deviceId the device it was started for, as in {@code cpu:0}
     * @param pid of its process
     * @param token the secret it was started with
     */
    record Introduce(String deviceId, long pid, String token, EngineInfo engine, ActorRef<WorkerMessage> worker)
            implements PoolMessage {}
}
