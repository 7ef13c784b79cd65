package dev.lockstep.common.protocol;

/** Marks what may cross JVMs: bound to Jackson CBOR in {@code lockstep-common.conf}, it is the allow-list of serialisation. */
public sealed interface ControlMessage permits PoolMessage, WorkerMessage, MeasurementMessage {}
