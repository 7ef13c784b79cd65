/** What the coordinator's HTTP API says in JSON, and where it is found. Free of Akka: the command line reads it too. */
package dev.lockstep.coordinator.api;
