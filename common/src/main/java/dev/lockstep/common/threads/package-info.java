/** Threads, and where they run. */
package dev.lockstep.common.threads;
