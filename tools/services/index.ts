// Real servers for development and tests: Kafka, a schema registry, MinIO and MLflow, as containers where a Docker engine answers and
// as processes of this machine where not.
//
// - An instance is a folder: data, logs, ports, secrets. Several may run side by side; they use one installation of the programs.
// - A process is known by its id together with its start time, so that nothing is ever ended that was not started here.
// - Servers survive the program that started them; they keep their data when killed and started again.
// - Start reading at `services.ts`; `native-servers.ts` has the processes, `compose-servers.ts` the containers.

export { installationFolder, Services, testInstances, type ServiceAddresses } from './services.ts';
