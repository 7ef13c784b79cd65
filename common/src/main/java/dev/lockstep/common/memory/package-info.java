/** The segment: one shared-memory file per measurement, over which replicas meet and exchange tensors without messages. */
package dev.lockstep.common.memory;
