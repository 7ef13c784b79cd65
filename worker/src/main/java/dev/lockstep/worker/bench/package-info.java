/** What Lockstep is measured against, as processes of their own. Knows no Akka. */
package dev.lockstep.worker.bench;
