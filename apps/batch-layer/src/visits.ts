export async function publishVisitValues(): Promise<number> { return 0; }
