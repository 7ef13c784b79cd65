/** What Lockstep costs: compares it with bare training loops, round by round. Knows no Akka. */
package dev.lockstep.coordinator.overhead;
