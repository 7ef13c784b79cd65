/** The actor shell around a replica, and the worker's process. */
package dev.lockstep.worker.actor;
