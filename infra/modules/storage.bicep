metadata description = 'The storage account: records, jobs and the package, reachable by role only.'

@description('Required. Name of the account.')
@maxLength(24)
param name string

@description('Required. Region.')
param location string

@description('Required. Container of the records.')
param container string

@description('Required. Queue of the jobs.')
param queue string

@description('Required. Container of the package; empty where the plan takes it from its address.')
param packageContainer string

@description('Required. Redundancy.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param redundancy string

@description('Required. Days that records, reports, findings and Parquet files are kept after their last change; above the longest interval of a source.')
@minValue(30)
@maxValue(36500)
param retentionInDays int

@description('Required. Whether the account takes requests from private endpoints only.')
param isPrivate bool

@description('Optional. Tags.')
param tags object = {}

// Never state/, latest/, audit/ and cases/: what is there counts whatever its age.
var expiring = ['records', 'rejected', 'runs', 'findings', 'parquet']

resource account 'Microsoft.Storage/storageAccounts@2025-08-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-08-01' = {
  parent: account
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
    deleteRetentionPolicy: { enabled: true, days: 7 }
  }
}

resource records 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' = {
  parent: blobs
  name: container
  properties: { publicAccess: 'None' }
}

resource package 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-08-01' = if (!empty(packageContainer)) {
  parent: blobs
  name: empty(packageContainer) ? 'none' : packageContainer
  properties: { publicAccess: 'None' }
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-08-01' = {
  parent: account
  name: 'default'
}

resource jobs 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-08-01' = {
  parent: queues
  name: queue
}

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-08-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'expire'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: map(expiring, kind => '${container}/${kind}/')
            }
            actions: {
              baseBlob: { delete: { daysAfterModificationGreaterThan: retentionInDays } }
            }
          }
        }
      ]
    }
  }
  dependsOn: [blobs]
}

@description('Address of the blobs, with a slash at its end.')
output blobAddress string = account.properties.primaryEndpoints.blob

@description('Address of the queues, with a slash at its end.')
output queueAddress string = account.properties.primaryEndpoints.queue

@description('Address of the tables, with a slash at its end.')
output tableAddress string = account.properties.primaryEndpoints.table
