/** The command line: talks to a coordinator over loopback HTTP, starts and stops it. Knows no Akka. */
package dev.lockstep.coordinator.cli;
